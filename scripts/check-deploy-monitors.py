"""deploy/monitoring/ against the schemas of the Prometheus Operator's own CustomResourceDefinitions. Fields that they do not
know are errors here; a cluster would drop them without a word.

    python check-deploy-monitors.py FOLDER    with the definitions in FOLDER
"""

import sys

import jsonschema
import yaml


def schema_of(kind):
    path = f"{sys.argv[1]}/monitoring.coreos.com_{kind.lower()}s.yaml"
    definition = yaml.safe_load(open(path))
    versions = {it["name"]: it for it in definition["spec"]["versions"]}
    return closed(versions["v1"]["schema"]["openAPIV3Schema"])


def closed(schema):
    """Without room for fields that are not named, the metadata of every object apart."""
    if isinstance(schema, list):
        return [closed(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and "x-kubernetes-preserve-unknown-fields" not in found:
        found.setdefault("additionalProperties", False)
    return found


def documents():
    for name in ["pod-monitor", "service-monitor"]:
        yield from yaml.safe_load_all(open(f"deploy/monitoring/{name}.yaml"))
    # as docs/deployment.md makes one of it
    rules = yaml.safe_load(open("deploy/monitoring/rules.yaml"))
    head = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule"}
    yield {**head, "metadata": {"name": "keytender"}, "spec": rules}


failed = False
for document in documents():
    if not document["apiVersion"].startswith("monitoring.coreos.com/"):
        continue
    errors = list(jsonschema.Draft202012Validator(schema_of(document["kind"])).iter_errors(document))
    for error in errors:
        print(document["kind"], error.json_path, error.message)
    if not errors:
        print(f"{document['kind']}: valid")
    failed = failed or bool(errors)
sys.exit(1 if failed else 0)

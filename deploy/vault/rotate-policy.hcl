# What whoever rotates needs of Vault or OpenBao, a person or a job: to write a new version, and no way to read one.
#
#   vault policy write keytender-rotate deploy/vault/rotate-policy.hcl
#
# Mount, prefix and deployment as in policy.hcl.
path "secret/data/keytender/default/*" {
  capabilities = ["create", "update"]
}

# Versions and their times, to see that a rotation was written; no values.
path "secret/metadata/keytender/default/*" {
  capabilities = ["read"]
}

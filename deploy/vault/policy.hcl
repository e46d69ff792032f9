# What a keytender agent needs of Vault or OpenBao, and nothing else: to read its own secrets.
#
#   vault policy write keytender deploy/vault/policy.hcl
#
# `secret` is the mount, `keytender` the prefix, `default` the deployment; change them together with the settings
# vault.mount, vault.path_prefix and deployment. The path has the API's `data` in it, the settings do not.
path "secret/data/keytender/default/*" {
  capabilities = ["read"]
}

# Looking up, renewing and revoking its own login comes with Vault's `default` policy. Without that the agent still
# works; it then cannot tell how long its login lives.

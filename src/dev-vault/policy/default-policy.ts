// What every token may do unless it was created without the `default` policy: look after itself, and its cubbyhole.
// https://developer.hashicorp.com/vault/docs/concepts/policies#default-policy
export const DEFAULT_POLICY = `
# A token may look itself up, renew and revoke itself, and ask what it may do
path "auth/token/lookup-self" {
    capabilities = ["read"]
}
path "auth/token/renew-self" {
    capabilities = ["update"]
}
path "auth/token/revoke-self" {
    capabilities = ["update"]
}
path "sys/capabilities-self" {
    capabilities = ["update"]
}

# Its own entity and the sum of its policies
path "identity/entity/id/{{identity.entity.id}}" {
    capabilities = ["read"]
}
path "identity/entity/name/{{identity.entity.name}}" {
    capabilities = ["read"]
}
path "sys/internal/ui/resultant-acl" {
    capabilities = ["read"]
}

# Leases whose id it knows
path "sys/leases/renew" {
    capabilities = ["update"]
}
path "sys/leases/lookup" {
    capabilities = ["update"]
}

# Its cubbyhole, and response wrapping
path "cubbyhole/*" {
    capabilities = ["create", "read", "update", "delete", "list"]
}
path "sys/wrapping/wrap" {
    capabilities = ["update"]
}
path "sys/wrapping/lookup" {
    capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
    capabilities = ["update"]
}
`;

/** What a wrapping token may do: be exchanged for what it holds. */
export const WRAPPING_POLICY = `
path "cubbyhole/response" {
    capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
    capabilities = ["update"]
}
`;

/** Name of the policy that wrapping tokens carry; it is in no list. */
export const WRAPPING_POLICY_NAME = 'response-wrapping';

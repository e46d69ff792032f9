// What every 401 says of what is wanted: the same fields whatever was wrong (RFC 9110 section 11.6.1, RFC 9421
// section 5.1).
export const challenge: Readonly<Record<string, string>> = Object.freeze({
  'www-authenticate': 'Signature realm="keytender"',
  'accept-signature':
    'keytender=("@method" "@authority" "@path" "@query" "content-digest");created;alg="hmac-sha256";tag="keytender-api"',
});

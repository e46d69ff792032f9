// The one sentence that everything here carries: in every answer's headers, in the seal status, in the thrown
// refusals of `devVault` and in the documentation.
export const NOT_FOR_PRODUCTION =
  'keytender dev Vault: for development and tests only, not a Vault for production; everything is in memory and unprotected';

/** Response header that carries the sentence. */
export const NOTICE_HEADER = 'x-keytender-dev-vault';

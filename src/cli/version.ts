// The version of this build: put in by scripts/build.mjs from package.json.

declare const KEYTENDER_VERSION: string | undefined;

export const version = typeof KEYTENDER_VERSION === 'string' ? KEYTENDER_VERSION : '0.0.0-unbuilt';

// A unit file as data (systemd.syntax(7)): keys with their values, in the order of the file.

export interface Unit {
  /** The values of a key. */
  all(key: string): readonly string[];
  /** The only value of a key. Throws when there are none or several. */
  one(key: string): string;
  /** What `Environment=` sets, specifiers (`%d`) filled in. */
  environment(specifiers: Readonly<Record<string, string>>): Record<string, string>;
}

export function readUnit(text: string): Unit {
  const pairs = [...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(
    ([, key = '', value = '']) => [key, value] as const,
  );
  const all = (key: string): string[] =>
    pairs.filter(([name]) => name === key).map(([, value]) => value);
  return {
    all,
    one: (key) => {
      const [value, ...more] = all(key);
      if (value === undefined || more.length > 0) throw new Error(`not one ${key}`);
      return value;
    },
    environment: (specifiers) =>
      Object.fromEntries(
        all('Environment').map((pair) => {
          const [name = '', ...value] = pair.split('=');
          const text = value.join('=').replaceAll(/%[a-z]/g, (it) => specifiers[it] ?? it);
          return [name, text];
        }),
      ),
  };
}

/** The words of a command line, without what stands before the program (`-`: its failure is none). */
export function programOf(line: string): readonly string[] {
  return line.replace(/^[-@:+!]+/, '').split(/\s+/);
}

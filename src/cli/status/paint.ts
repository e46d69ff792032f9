// Colour for a terminal, or none: the five that every theme has.

const colours = { green: 32, yellow: 33, red: 31, bold: 1, dim: 2 } as const;

export type Colour = keyof typeof colours;
export type Paint = (colour: Colour, text: string) => string;

export function painter(isColoured: boolean): Paint {
  return (colour, text) => (isColoured ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text);
}

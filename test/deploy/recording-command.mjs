// Stands in for a program that is not here (docker, kubectl, systemctl): writes down how it was called, and with `-` among
// its words what it was given. Started as: node recording-command.mjs FILE NAME WORDS…
import { appendFileSync, readFileSync } from 'node:fs';

const [file, name, ...words] = process.argv.slice(2);
const input = words.includes('-') ? readFileSync(0, 'utf8') : null;
appendFileSync(file, `${JSON.stringify({ name, words, input })}\n`);

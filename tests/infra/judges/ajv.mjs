// Prints for each schema of draft 4 on standard input, and each value, whether ajv takes it: a list of lists.
import { readFileSync } from "node:fs";
import Ajv from "ajv-draft-04";

const { schemas, values } = JSON.parse(readFileSync(0, "utf8"));
// Patterns as ECMA 262 has them, which is what JSON Schema means by them.
const ajv = new Ajv({ strict: false, unicodeRegExp: true });
console.log(
  JSON.stringify(schemas.map((schema) => values.map((value) => ajv.compile(schema)(value)))),
);

/** What `make_vectors.py` wrote, as the front end's types. */

import type { Options } from "../src/core/arithmetic";
import written from "./vectors.json";

const fields = written.fields as Record<string, string[]>;

/** The options of a vector: the family, then the fields in their order. */
export function optionsOf([family, ...values]: unknown[]): Options {
  const pairs = fields[family as string]!.map((name, i) => [name, values[i]]);
  return { ...Object.fromEntries(pairs), family } as unknown as Options;
}

/** The documents of `make_documents.py`, as the front end gets them. */

import type { Document } from "../src/wire/report";
import broken from "./documents/broken.json";
import cut from "./documents/cut.json";
import fine from "./documents/fine.json";
import hostile from "./documents/hostile.json";
import nested from "./documents/nested.json";
import packed from "./documents/packed.json";

/** A copy: what one test changes no other sees. */
export const sample = (name: "broken" | "fine" | "hostile" | "nested"): Document =>
  structuredClone({ broken, fine, hostile, nested }[name]) as unknown as Document;

/** With the calls as columns: the document `broken` whole, and `nested` cut to six rows. */
export const onTheWire = (name: "packed" | "cut") => structuredClone({ packed, cut }[name]);

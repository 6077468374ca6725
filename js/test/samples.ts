/** The documents of `make_documents.py`, as the front end gets them. */

import type { Document } from "../src/report";
import broken from "./documents/broken.json";
import fine from "./documents/fine.json";
import hostile from "./documents/hostile.json";

/** A copy: what one test changes no other sees. */
export const sample = (name: "broken" | "fine" | "hostile"): Document =>
  structuredClone({ broken, fine, hostile }[name]) as unknown as Document;

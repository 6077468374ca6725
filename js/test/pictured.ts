/** The documents of `pictured_documents.py`, as the front end gets them. */

import type { Document } from "../src/wire/report";
import { readDocument } from "../src/wire/wire";
import written from "./flows.json";

/** What the flow of each must be; null where it has none. */
export type Drawn = [nodes: unknown[][], links: number[][], hidden: number, size: number[], inks: unknown[][], words: string];

export const flows = written as unknown as [string, object, Drawn | null][];

/** A copy: what one test changes no other sees. */
export const pictured = (name: string): Document => readDocument(structuredClone(flows.find(([own]) => own === name)![1])).document!;

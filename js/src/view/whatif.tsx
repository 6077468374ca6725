/** What if: the options of the selected call to play with, the shapes that would result, and the edit that makes them so. */

import { useMemo, useState } from "preact/hooks";
import type { Actions } from "../core/actions";
import { axesOf, type Reason } from "../core/arithmetic";
import {
  changedOptions, type Choosable, type Consequence, consequencesOf, fixOf, isChoosable, NUMBERS, numbersOf, numbersToChoose, type Result,
  resultOf, sharing, siteOf, stepFollows, withNumber, withPadding,
} from "../core/choices";
import { dimensionsOf } from "../core/geometry";
import { drawableOf, pictureOf } from "../picture/picture";
import { SPATIAL_NAMES } from "../picture/words";
import type { CallRecord, Document } from "../wire/report";
import { agree, type Shape } from "../core/shape";
import { visible } from "../core/visible";
import { Fixes } from "./fixes";
import { ArithmeticPicture } from "./picture";
import { ShapeText } from "./shapes";

/** What an unknown size is drawn as until another is chosen. */
const SIZE_TO_DRAW = 32;
const MOST_SHOWN = 5;
const LARGEST = 1_000_000;

interface ArithmeticProps {
  document: Document;
  call: CallRecord;
  actions: Actions;
}

/** Of the selected call.  Another call, or another run, starts with the options as they are written. */
export function ArithmeticOf({ document, selected, actions }: { document: Document; selected: number | null; actions: Actions }) {
  const call = document.trace.calls.find(({ index }) => index === selected);
  const run = document.trace.sources[0]?.digest ?? "";
  return call ? <Arithmetic key={`${run} ${call.index}`} document={document} call={call} actions={actions} /> : null;
}

/** The picture with its controls; nothing where a call has no arithmetic to draw. */
function Arithmetic({ document, call, actions }: ArithmeticProps) {
  const [chosen, setChosen] = useState(call.options);
  const [sizes, setSizes] = useState<number[]>([]);
  const drawable = useMemo(() => {
    const inputs = [withSizes(call, sizes), ...call.inputs.slice(1)];
    return { ...drawableOf(call), options: chosen, inputs: call.inputs.length > 0 ? inputs : [] };
  }, [call, chosen, sizes]);
  const name = call.layer ?? call.op;
  if (!hasArithmetic(call)) return null;
  return (
    <details class="convmagic-picture" open onKeyDown={keepInField}>
      <summary>the arithmetic of {visible(name)}</summary>
      <ArithmeticPicture drawable={drawable} name={name} />
      {isChoosable(chosen) && (
        <div class="convmagic-whatif" role="group" aria-label="what if">
          <Controls call={call} chosen={chosen} document={document} onChoose={setChosen}>
            <SizesToDraw call={call} sizes={sizes} onSizes={setSizes} />
          </Controls>
          <Outcome document={document} call={call} chosen={chosen} inputs={drawable.inputs} actions={actions} />
        </div>
      )}
    </details>
  );
}

/** Whether there is something to draw, or to choose, of a call. */
export function hasArithmetic(call: CallRecord): boolean {
  if (call.inputs.length === 0 || call.options === null) return false;
  if (dimensionsOf(call.options, call.inputs[0]!) > 0) return true;
  return call.outcome !== "returned" && pictureOf(drawableOf(call), false) !== null;
}

/** Those keys that a field needs go no further: other front ends than Jupyter listen to all. */
function keepInField(event: KeyboardEvent): void {
  const field = ["INPUT", "SELECT"].includes((event.target as Element).tagName);
  const ours = !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Enter" && event.key !== "Escape";
  if (field && ours) event.stopPropagation();
}

/** The places of the spatial axes whose size is unknown. */
function unknownAxes({ options, inputs }: CallRecord): number[] {
  const input = inputs[0] ?? [];
  const dimensions = dimensionsOf(options, input);
  if (!options || !("data_format" in options) || input.length !== dimensions + 2) return [];
  const { first } = axesOf(input.length, dimensions, options.data_format);
  return Array.from({ length: dimensions }, (_, i) => first + i).filter((axis) => input[axis] === null);
}

function withSizes(call: CallRecord, sizes: readonly number[]): Shape {
  const unknown = unknownAxes(call);
  return (call.inputs[0] ?? []).map((size, axis) => (unknown.includes(axis) ? (sizes[axis] ?? SIZE_TO_DRAW) : size));
}

interface ControlsProps {
  document: Document;
  call: CallRecord;
  chosen: Choosable;
  onChoose: (options: Choosable) => void;
  children: preact.ComponentChildren;
}

function Controls({ document, call, chosen, onChoose, children }: ControlsProps) {
  const follows = stepFollows(call, siteOf(document, call));
  const changed = isChoosable(call.options) && changedOptions(call.options, chosen, follows).length > 0;
  return (
    <div class="convmagic-controls">
      <span class="convmagic-controls-title">what if</span>
      {"padding" in chosen && <PaddingControl chosen={chosen} onChoose={onChoose} />}
      {numbersToChoose(chosen).map((name) => (
        <NumberControl key={name} name={name} chosen={chosen} onNumber={(axis, value) => onChoose(withNumber(chosen, name, axis, value, follows))} />
      ))}
      {children}
      {changed && (
        <button type="button" class="convmagic-button convmagic-as-written" onClick={() => onChoose(call.options as Choosable)}>
          as it was
        </button>
      )}
    </div>
  );
}

function PaddingControl({ chosen, onChoose }: { chosen: Choosable & { padding: unknown }; onChoose: (options: Choosable) => void }) {
  const words = ["valid", "same", ...(chosen.family === "conv" && chosen.kernel_size.length === 1 ? ["causal"] : [])];
  const now = typeof chosen.padding === "string" ? chosen.padding.toLowerCase() : "explicit";
  return (
    <label>
      padding
      <select data-option="padding" value={now} onChange={(event) => onChoose(withPadding(chosen, event.currentTarget.value))}>
        {now === "explicit" && (
          <option value="explicit" disabled>
            explicit
          </option>
        )}
        {words.map((word) => (
          <option key={word} value={word}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}

interface NumberControlProps {
  name: string;
  chosen: Choosable;
  onNumber: (axis: number, value: number) => void;
}

/** One field for each axis. */
function NumberControl({ name, chosen, onNumber }: NumberControlProps) {
  const axes = numbersOf(chosen, NUMBERS[chosen.family]![0]!) ?? [];
  const numbers = numbersOf(chosen, name);
  const least = name === "output_padding" ? 0 : 1;
  const names = SPATIAL_NAMES[axes.length] ?? [];
  if (name === "dilation_rate" && numbers?.length !== axes.length) return null;
  return (
    <span class="convmagic-control" role="group" aria-label={name}>
      {name}
      {axes.map((_, axis) => (
        <NumberField key={axis} label={`${name}, ${names[axis] ?? axis}`} option={name} value={numbers?.[axis] ?? null} least={least} onNumber={(value) => onNumber(axis, value)} />
      ))}
    </span>
  );
}

interface NumberFieldProps {
  label: string;
  option: string;
  value: number | null;
  least: number;
  onNumber: (value: number) => void;
}

function NumberField({ label, option, value, least, onNumber }: NumberFieldProps) {
  return (
    <input
      type="number"
      min={least}
      max={LARGEST}
      step={1}
      aria-label={label}
      data-option={option}
      placeholder="auto"
      value={value ?? ""}
      onInput={(event) => {
        const number = event.currentTarget.valueAsNumber;
        if (Number.isInteger(number) && number >= least && number <= LARGEST) onNumber(number);
      }}
    />
  );
}

function SizesToDraw({ call, sizes, onSizes }: { call: CallRecord; sizes: number[]; onSizes: (sizes: number[]) => void }) {
  const unknown = unknownAxes(call);
  if (unknown.length === 0) return null;
  return (
    <span class="convmagic-control" role="group" aria-label="size to draw">
      drawn for
      {unknown.map((axis) => (
        <NumberField
          key={axis}
          label={`size to draw, axis ${axis}`}
          option="size"
          value={sizes[axis] ?? SIZE_TO_DRAW}
          least={1}
          onNumber={(value) => onSizes(Object.assign([...sizes], { [axis]: value }))}
        />
      ))}
    </span>
  );
}

interface OutcomeProps extends ArithmeticProps {
  chosen: Choosable;
  inputs: readonly Shape[];
}

/** What the choice gives, what follows from it, and the edit. */
function Outcome({ document, call, chosen, inputs, actions }: OutcomeProps) {
  const site = siteOf(document, call);
  const changed = isChoosable(call.options) ? changedOptions(call.options, chosen, stepFollows(call, site)) : [];
  const drawn = resultOf(chosen, inputs, call.kernel);
  const result = resultOf(chosen, call.inputs, call.kernel);
  const fix = useMemo(() => fixOf(document, call, chosen, result?.shape ?? null), [document, call, chosen]);
  const before = call.output ?? call.expected;
  const after = result?.shape && changed.length > 0 ? consequencesOf(document, call.index, result.shape) : [];
  const made = sharing(document, call);
  return (
    <div class="convmagic-whatif-result">
      <p role="status" data-status={drawn?.problem ? "failed" : undefined}>
        <Said result={drawn} />
        {changed.length > 0 && before && drawn?.shape && !same(before, drawn.shape) && (
          <span class="convmagic-quiet">
            {" "}
            instead of <ShapeText shape={before} />
          </span>
        )}
      </p>
      {changed.length > 0 && <Consequences found={after} />}
      {fix && <Fixes document={document} fixes={[fix]} actions={actions} />}
      {fix && made > 1 && <p class="convmagic-quiet">this line makes {made} layers; all of them would change</p>}
      {changed.length > 0 && !fix && <p class="convmagic-quiet">where {changed.join(" and ")} is written was not found in the cell, so there is no edit to offer</p>}
    </div>
  );
}

const same = (a: Shape, b: Shape) => a.length === b.length && a.every((size, i) => size === b[i]) && agree(a, b);

const PROBLEMS: Record<Reason, string> = {
  rank: "the input has another number of axes",
  axis: "there is no such axis",
  channels: "the channels differ",
  groups: "the channels cannot be shared out among the groups",
  window: "the window does not fit",
  cropping: "nothing would be left",
  sizes: "sizes differ that must be equal",
  output_size: "no output has that size",
  strides: "a stride must be at least 1",
  option: "an option is outside its range",
};

function Said({ result }: { result: Result | null }) {
  if (!result) return <>what comes out cannot be told</>;
  if (result.problem) return <>✗ {PROBLEMS[result.problem.reason]}</>;
  return (
    <>
      output <ShapeText shape={result.shape} />
    </>
  );
}

/** The calls that come after, until one fails. */
function Consequences({ found }: { found: readonly Consequence[] }) {
  if (found.length === 0) return null;
  const fails = found.findIndex(({ result }) => result?.problem);
  const told = fails >= 0 ? found.slice(0, fails + 1) : found;
  const shown = told.length <= MOST_SHOWN ? told : [...told.slice(0, 2), ...told.slice(-2)];
  return (
    <ol class="convmagic-consequences" aria-label="what follows">
      {shown.map((each, i) => (
        <li key={each.call.index} data-status={each.result?.problem ? "failed" : undefined}>
          {told.length > MOST_SHOWN && i === 2 && <span class="convmagic-quiet">… {told.length - 4} more … </span>}
          <span aria-hidden="true">{each.result?.problem ? "✗ " : "↳ "}</span>
          <bdi>{visible(each.call.layer ?? each.call.op)}</bdi> {lineOf(each.call)}
          <Follows {...each} />
        </li>
      ))}
    </ol>
  );
}

function lineOf({ span, created }: CallRecord): string {
  const line = created?.line ?? span?.line;
  return line === undefined ? "" : `(line ${line}) `;
}

function Follows({ call, inputs, result }: Consequence) {
  if (result?.problem) {
    return (
      <>
        cannot take <ShapeText shape={inputs[result.problem.index] ?? inputs[0]!} />: {PROBLEMS[result.problem.reason]}
      </>
    );
  }
  if (!result) return <>gets <ShapeText shape={inputs[0]!} /></>;
  if (call.output && same(call.output, result.shape)) {
    return (
      <>
        takes <ShapeText shape={inputs[0]!} />, still gives <ShapeText shape={result.shape} />
      </>
    );
  }
  return (
    <>
      {call.output && <><ShapeText shape={call.output} /> becomes </>}
      <ShapeText shape={result.shape} />
    </>
  );
}

/** The fixes of a diagnosis: each a diff, the shape that results, how it was tried, and the buttons. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { type Actions, ONLY_COPIES, type Outcome } from "../core/actions";
import { type DiffLine, diffLines } from "../core/diff";
import { applyFix, sourceOf } from "../core/fix";
import type { Document, Fix } from "../wire/report";
import { visible } from "../core/visible";
import { ShapeText } from "./shapes";

const PLACEHOLDER = 0;

/** The kernel tries for at most 30 s, once its scratch process has started. */
const MOST_TRYING_MS = 90_000;

export interface FixesProps {
  document: Document;
  fixes: readonly Fix[];
  actions: Actions;
}

export function Fixes({ document, fixes, actions }: FixesProps) {
  const trying = useTrying(document);
  if (fixes.length === 0) return null;
  const canApply = actions.canApply();
  return (
    <>
      {!canApply && <p class="convmagic-quiet convmagic-only-copies">{ONLY_COPIES}</p>}
      <ol class="convmagic-fixes" aria-label="fixes">
        {fixes.map((fix, i) => (
          <FixCard
            key={`${fix.cell} ${fix.title} ${i}`}
            document={document}
            fix={fix}
            trying={trying}
            actions={actions}
            first={i === 0}
            canApply={canApply}
          />
        ))}
      </ol>
    </>
  );
}

/** Whether a trial may still end: a notebook that was saved while fixes were tried has no kernel to wait for. */
function useTrying(document: Document): boolean {
  const [givenUp, setGivenUp] = useState<Document | null>(null);
  useEffect(() => {
    if (!document.trying) return;
    const timer = setTimeout(() => setGivenUp(document), MOST_TRYING_MS);
    return () => clearTimeout(timer);
  }, [document]);
  return document.trying && givenUp !== document;
}

interface FixCardProps {
  document: Document;
  fix: Fix;
  trying: boolean;
  actions: Actions;
  first: boolean;
  canApply: boolean;
}

function FixCard({ document, fix, trying, actions, first, canApply }: FixCardProps) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const lines = useMemo(() => diffOf(document, fix), [document, fix]);
  return (
    <li class="convmagic-fix">
      <div class="convmagic-fix-head">
        <h4>{visible(fix.title)}</h4>
        <span class="convmagic-result">
          {fix.predicted && (
            <span class="convmagic-predicted">
              <span aria-hidden="true">→ </span>
              <ShapeText shape={fix.predicted} />
            </span>
          )}
          <Trial document={document} fix={fix} trying={trying} />
        </span>
        <Buttons fix={fix} actions={actions} first={first} canApply={canApply} onOutcome={setOutcome} />
      </div>
      <Diff lines={lines} />
      <p class="convmagic-outcome" role="status" data-done={outcome?.done}>
        {outcome?.message}
      </p>
    </li>
  );
}

/** With the earlier cells that must run again, by the names that a person calls them. */
function heldText(document: Document, fix: Fix): string {
  const labels = [...new Set(fix.reruns.map((cell) => visible(sourceOf(document, cell)?.label ?? "an earlier cell")))];
  const again = [labels.slice(0, -1).join(", "), ...labels.slice(-1)].filter(Boolean).join(" and ");
  return again ? `tried: with ${again} run again, the cell runs to its end` : TRIED[fix.proof ?? "ran"];
}

const TRIED = { ran: "tried: the cell now runs to its end", shapes: "tried with shapes only: every shape in the cell now fits" };

function Trial({ document, fix, trying }: Pick<FixCardProps, "document" | "fix" | "trying">) {
  if (fix.proof) return <TrialText state="held" glyph="✓" text={heldText(document, fix)} />;
  if (fix.untried) return <TrialText state="untried" glyph="○" text={untriedText(visible(fix.untried))} />;
  if (trying) return <TrialText state="trying" glyph="◌" text="trying ..." />;
  return <TrialText state="untried" glyph="○" text={document.trying ? "not tried yet" : "not tried"} />;
}

/** A trial that failed says so itself. */
const untriedText = (reason: string) => (reason.startsWith("tried:") ? reason : `not tried: ${reason}`);

function TrialText({ state, glyph, text }: { state: string; glyph: string; text: string }) {
  return (
    <span class="convmagic-trial" data-state={state}>
      <span aria-hidden="true">{glyph}</span> {text}
    </span>
  );
}

function diffOf(document: Document, fix: Fix): DiffLine[] {
  const before = sourceOf(document, fix.cell)?.text;
  return before === undefined ? [] : diffLines(before, applyFix(document, fix, before));
}

const SIGNS = { same: " ", removed: "-", added: "+", gap: " " };

function Diff({ lines }: { lines: readonly DiffLine[] }) {
  return (
    <div class="convmagic-diff" tabIndex={0} role="group" aria-label="what changes">
      {lines.map((line, i) => (
        <div key={i} class="convmagic-diff-line" data-kind={line.kind}>
          <span class="convmagic-gutter">{line.kind === "gap" ? "⋮" : (line.after ?? line.before)}</span>
          <span class="convmagic-sign">{SIGNS[line.kind]}</span>
          <code>
            {line.parts.map((part, k) => (part.changed ? <mark key={k}>{visible(part.text)}</mark> : <span key={k}>{visible(part.text)}</span>))}
          </code>
        </div>
      ))}
    </div>
  );
}

interface ButtonsProps {
  fix: Fix;
  actions: Actions;
  first: boolean;
  canApply: boolean;
  onOutcome: (outcome: Outcome) => void;
}

function Buttons({ fix, actions, first, canApply, onOutcome }: ButtonsProps) {
  const name = (rest: string, primary = false) => ({
    type: "button" as const,
    class: `convmagic-button ${rest}`,
    "data-primary": primary,
  });
  return (
    <span class="convmagic-buttons">
      {canApply && fix.applicability !== PLACEHOLDER && (
        <>
          <button {...name("convmagic-apply-run", first)} onClick={() => onOutcome(actions.applyAndRun(fix))}>
            Apply and run
          </button>
          <button {...name("convmagic-apply")} onClick={() => onOutcome(actions.apply(fix))}>
            Apply
          </button>
        </>
      )}
      <button {...name("convmagic-copy", first && !canApply)} onClick={() => void actions.copy(fix).then(onOutcome)}>
        Copy
      </button>
    </span>
  );
}

import { MerlonError } from '../../core/errors.ts';
import type { XmlDocument, XmlElement } from './body.ts';

interface Step {
  /** `//`: at any depth. */
  readonly deep: boolean;
  readonly what: 'element' | 'attribute' | 'text';
  /** `*`: any. */
  readonly name: string;
}

/** Finds the texts that a path names. */
export type XPath = (document: XmlDocument) => string[];

const stepForm = /^(\/\/?)(?:(text\(\))|(@?)(?:[A-Za-z_][\w.-]*:)?(\*|[A-Za-z_][\w.-]*))/;

function parseSteps(source: string): Step[] {
  const steps: Step[] = [];
  let rest = source;
  while (rest !== '') {
    const match = stepForm.exec(rest);
    const isLast = match !== null && match[0].length === rest.length;
    if (match === null || (!isLast && (match[2] !== undefined || match[3] === '@'))) {
      throw new MerlonError({
        code: 'waf.unsupported',
        message: `the path \`${source}\` is not supported`,
        hint: 'use steps such as `/a//b`, `*`, `@name` and `text()`',
      });
    }
    const what = match[2] !== undefined ? 'text' : match[3] === '@' ? 'attribute' : 'element';
    steps.push({ deep: match[1] === '//', what, name: match[4] ?? '*' });
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function* descendants(element: XmlElement): Generator<XmlElement> {
  for (const child of element.children) {
    yield child;
    yield* descendants(child);
  }
}

function textsOf(element: XmlElement, deep: boolean): string[] {
  const elements = deep ? [element, ...descendants(element)] : [element];
  return elements.map((one) => one.text).filter((text) => text.trim() !== '');
}

function attributesOf(element: XmlElement, name: string, deep: boolean): string[] {
  const elements = deep ? [element, ...descendants(element)] : [element];
  return elements.flatMap((one) =>
    one.attributes.filter(([key]) => name === '*' || key === name).map(([, value]) => value),
  );
}

/** An element's value is the text of all that is in it, here one text for each element below it. */
function walk(element: XmlElement, steps: readonly Step[]): string[] {
  const [step, ...rest] = steps;
  if (step === undefined) return textsOf(element, true);
  if (step.what === 'text') return textsOf(element, step.deep);
  if (step.what === 'attribute') return attributesOf(element, step.name, step.deep);
  const candidates = step.deep ? [...descendants(element)] : element.children;
  return candidates.filter((one) => step.name === '*' || one.name === step.name).flatMap((one) => walk(one, rest));
}

/** @throws MerlonError `waf.unsupported` for what is more than steps, wildcards, attributes and text. */
export function compileXPath(source: string): XPath {
  const steps = parseSteps(source);
  return (document) => [...new Set(walk(document.root, steps))];
}

import type { Inside, Sighting } from './html-scan.ts';

// What documents hold, too, and what runs nothing by itself: comments, document types, drawings without handlers, name spaces, and
// words that begin with `on` but are the name of no event (`exports.onExit = ...`).

/** Events of HTML, SVG, pointers, touch, clipboard, animations and media, as the standards have them, and of old browsers. */
const events: ReadonlySet<string> = new Set(
  `abort activate afterprint afterscriptexecute animationcancel animationend animationiteration animationstart auxclick beforeactivate
  beforecopy beforecut beforeinput beforematch beforepaste beforeprint beforescriptexecute beforetoggle beforeunload begin blur bounce
  cancel canplay canplaythrough change click close command contentvisibilityautostatechange contextlost contextmenu contextrestored copy
  cuechange cut dblclick drag dragend dragenter dragexit dragleave dragover dragstart drop durationchange emptied end ended error
  filterchange finish focus focusin focusout formdata fullscreenchange fullscreenerror gotpointercapture hashchange input invalid keydown
  keypress keyup languagechange load loadeddata loadedmetadata loadend loadstart lostpointercapture message messageerror mousedown
  mouseenter mouseleave mousemove mouseout mouseover mouseup mousewheel offline online pagehide pagereveal pageshow pageswap paste pause
  play playing pointercancel pointerdown pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate pointerup popstate
  progress propertychange ratechange readystatechange rejectionhandled repeat reset resize scroll scrollend scrollsnapchange
  scrollsnapchanging search securitypolicyviolation seeked seeking select selectionchange selectstart show slotchange stalled start
  storage submit suspend timeupdate toggle touchcancel touchend touchmove touchstart transitioncancel transitionend transitionrun
  transitionstart unhandledrejection unload volumechange waiting webkitanimationend webkitanimationiteration webkitanimationstart
  webkitmouseforcechanged webkitmouseforcedown webkitmouseforceup webkitmouseforcewillbegin webkitplaybacktargetavailabilitychanged
  webkittransitionend wheel zoom`
    .split(/\s+/)
    .map((name) => `on${name}`),
);

/** `meta` alone says nothing of what it does; its attributes do. */
const drawing = /^(?:svg.*|math|xml|comment|meta)$/;
const decoration = /^(?:filter|xmlns.*)$/;

/** Elements that do something only by what such an attribute names; the others by any. */
const telling: ReadonlyMap<string, RegExp> = new Map([
  ['script', /^(?:src|href|xlink:href|on[a-z]+)$/],
  ['frame', /^(?:src|srcdoc|on[a-z]+)$/],
  ['iframe', /^(?:src|srcdoc|style|on[a-z]+)$/],
]);

/** A script that lies beside the page, or in a package, as a manual has it: whoever writes into the page put nothing there. */
const neighbour = /^(?:\.\/)?(?:node_modules\/[\w@-]+\/(?:[\w-]+\/){0,5})?[\w.-]{1,80}\.m?js$/i;

/** Kinds of link that bring something onto the page. */
const bringing = /stylesheet|import|preload|prefetch|prerender|manifest|\bmodule/i;

/** The first words of a script, closed or not: a call, something assigned, a statement; `<script> tags` is none, nor `<script> <buffer>`. */
const scriptStart = new RegExp(
  [
    '<!--|/[/*]',
    '(?:alert|confirm|prompt|eval|fetch|document|window|location|top|self|parent|this)\\b\\s*[(`.[=]',
    '[\\w$.\\\\{}\\]]+(?:[(`[;]|\\s*[-+*|&^]?=[^=>])',
    '(?:var|let|const)\\s+[\\w${[]',
    '(?:if|for|while|with|switch)\\s*\\(',
    'function\\b[\\s\\w$]*\\(|new\\s+[\\w.$]+\\(|throw\\s|void[\\s(]|try\\s*\\{|import\\s*["\'(*{]',
    '[!~]+[\\w([{]|[-+]{1,2}[\\w$.]+\\(|\\[[^\\]]{0,80}\\]\\s*[.[=]|\\(\\S|\\{\\S',
  ]
    .map((form) => `^\\s*(?:${form})`)
    .join('|'),
  'i',
);
const styleStart = /^\s*(?:@[a-z\\]|[*}]|[^<>{}"]{0,100}\{\s*[a-z-]+\s*:)/i;

/** Whether the element holds what it carries out, to its end or at its beginning. */
const isActive = (name: string, inside: Inside): boolean =>
  inside.isWhole || (name === 'style' ? styleStart : scriptStart).test(inside.text);

function isActiveTag(all: readonly Sighting[], at: number): boolean {
  const { name, end, inside } = all[at]!;
  if (drawing.test(name)) return false;
  const local = name.slice(name.lastIndexOf(':') + 1);
  const own: Sighting[] = [];
  for (let next = at + 1; next < all.length && all[next]!.kind === 'attribute' && all[next]!.end <= end; next += 1)
    own.push(all[next]!);
  const named = telling.get(local);
  if (named !== undefined && own.some((each) => named.test(each.name) && !neighbour.test(each.value))) return true;
  const kind = name === 'link' ? own.find((each) => each.name === 'rel') : undefined;
  if (kind !== undefined) return bringing.test(kind.value) && own.some((each) => each.name === 'href');
  // A transformation computes or fetches.
  if (name.startsWith('xsl')) return own.some(({ value }) => /[(:/]/.test(value));
  return (named === undefined && own.length > 0) || (inside !== undefined && isActive(name, inside));
}

/** What a handler needs to do anything: `onerror=None` is an argument. */
const script = /[(`=.;:\\&]/;
/** `onerror=...`, `onerror=None):`, `onError = (error) =>`, `onError = function (error)`: no script by itself. */
const noScript = /^(?:\.\.|[\w.]*\)|\(?[\w,{}]*\)?$|(?:async)?function[\w*]*(?:\([\w,]*\)?)?$)/;
const activeStyle = /expression|javascript|behaviou?r|-moz-binding|@import|url\s*\(/i;

/** What a web server carries out while it sends a page. */
export const serverSideInclude = /^#\s*[a-z]+\b/i;

/** Whether something that has been found to be dangerous runs, or changes what the page does, by itself. */
export function isSure(all: readonly Sighting[], at: number): boolean {
  const { kind, name, value } = all[at]!;
  switch (kind) {
    case 'tag':
      return isActiveTag(all, at);
    case 'attribute': {
      // What a quote or a bracket parts from the rest is a name of its own; a dot parts nothing.
      const bare = name.replace(/^.*["'`<>]/s, '');
      if (bare === 'style') return activeStyle.test(value);
      if (/(?:^|[^a-z.])on[a-z]+$/.test(bare))
        return (
          (value === '' || (script.test(value) && !noScript.test(value))) && events.has(bare.replace(/^.*[^a-z]/s, ''))
        );
      return /^[a-z][a-z:-]*$/.test(bare) && !decoration.test(bare);
    }
    case 'comment':
      return serverSideInclude.test(value);
    case 'markup':
      return /^(?:xml(?!\s+version)|\??import)/i.test(value);
    default:
      return false;
  }
}

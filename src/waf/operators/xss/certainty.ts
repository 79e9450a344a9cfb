import type { Sighting } from './html-scan.ts';

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
/** Elements that need no attribute, and what is in them when they do something: `<object>` may stand for a name. */
const content: ReadonlyMap<string, RegExp> = new Map([
  ['script', /[(=`{[]|<\/script/i],
  ['style', /[{@]/],
]);
/** What a handler needs to do anything: `onerror=None` is an argument. */
const script = /[(`=.;:\\&]/;
const activeStyle = /expression|javascript|behaviou?r|-moz-binding|@import|url\s*\(/i;

/** What a web server carries out while it sends a page. */
export const serverSideInclude = /^#\s*[a-z]+\b/i;

/** Whether a value holds what an element of this name needs to do something; each name is asked for once, however often it stands there. */
export function createContentTest(value: string): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let holds = known.get(name);
    if (holds === undefined) {
      holds = content.get(name)?.test(value) === true;
      if (content.has(name)) known.set(name, holds);
    }
    return holds;
  };
}

/** Whether something that has been found to be dangerous runs, or changes what the page does, by itself. */
export function isSure(
  { kind, name, value }: Sighting,
  next: Sighting | undefined,
  holds: (name: string) => boolean,
): boolean {
  switch (kind) {
    case 'tag':
      return !drawing.test(name) && (next?.kind === 'attribute' || holds(name));
    case 'attribute': {
      // What a quote or a bracket parts from the rest is a name of its own; a dot parts nothing.
      const bare = name.replace(/^.*["'`<>]/s, '');
      if (bare === 'style') return activeStyle.test(value);
      if (/(?:^|[^a-z.])on[a-z]+$/.test(bare))
        return (value === '' || script.test(value)) && events.has(bare.replace(/^.*[^a-z]/s, ''));
      return !bare.includes('.') && !decoration.test(bare);
    }
    case 'comment':
      return serverSideInclude.test(value);
    case 'markup':
      return /^(?:xml(?!\s+version)|\??import|entity)/i.test(value);
    default:
      return false;
  }
}

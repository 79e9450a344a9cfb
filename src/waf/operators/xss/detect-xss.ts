import { setOf } from '../../regex/byte-set.ts';
import { htmlEntityDecode } from '../../transformations/html.ts';
import type { Operator, OperatorFactory } from '../operator.ts';
import { isSure, serverSideInclude } from './certainty.ts';
import { type Place, type Sighting, scanHtml } from './html-scan.ts';

const list = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Elements that run scripts, load them, or change what the page around them means. */
const dangerousTags = list(
  'applet base comment embed frame frameset handler iframe import isindex link listener meta noscript object script style vmlframe xml xss portal',
);

/** Attributes that hold an address. */
const addresses = list(
  'action formaction background dynsrc lowsrc href src data poster from to values by code codebase folder xlink:href srcdoc manifest profile usemap longdesc cite classid datasrc',
);

const otherAttributes = list('style datafld dataformatas datasrc filter srcdoc');

const scriptAddress = /^(?:javascript|vbscript|livescript|mocha|data|view-source):?/;

/** An address as a browser reads it: references decoded, control characters and white space dropped. */
function isScriptAddress(value: string): boolean {
  const plain = htmlEntityDecode(value)
    .replace(/[\x00-\x20\x7f-\xff]+/g, '')
    .toLowerCase();
  if (plain.startsWith('data:')) return /^data:(?:text\/(?:html|xml)|image\/svg|application\/|[^,]*base64)/.test(plain);
  return (
    plain.includes(':') &&
    scriptAddress.test(plain) &&
    /^(?:javascript|vbscript|livescript|mocha|view-source):/.test(plain)
  );
}

const isHandler = (name: string): boolean => /^on[a-z]{3,30}$/.test(name);

function isDangerousAttribute({ name, value }: Sighting): boolean {
  // `--filter` is an attribute of that name, dashes and all.
  const bare = name.replace(/^[^a-z]*[^a-z_-](?=[a-z])/, '');
  if (isHandler(bare) || otherAttributes.has(bare) || bare.startsWith('xmlns')) return true;
  if (name === 'http-equiv') return /refresh|cookie|security|link/i.test(value);
  if (addresses.has(bare)) return isScriptAddress(value);
  return false;
}

function isDangerousTag(name: string): boolean {
  if (name.includes('::')) return false;
  const local = name.slice(name.lastIndexOf(':') + 1);
  return (
    dangerousTags.has(name) ||
    dangerousTags.has(local) ||
    name.startsWith('svg') ||
    name.startsWith('xsl') ||
    local === 'math'
  );
}

function isDangerous(sighting: Sighting): boolean {
  switch (sighting.kind) {
    case 'tag':
      return isDangerousTag(sighting.name);
    case 'attribute':
      return isDangerousAttribute(sighting);
    case 'doctype':
      return true;
    case 'comment':
      return serverSideInclude.test(sighting.value) || /`|^\s*(?:\[if|xml)|\bimport\b|\bentity\b/i.test(sighting.value);
    default:
      return /^(?:import|entity|xml|\?import|\[cdata)/i.test(sighting.value);
  }
}

const places: readonly Place[] = ['data', 'unquoted', 'single', 'double', 'backtick'];
const minBytes = 3;

/**
 * What a browser would run of the value, in whatever place of a page it is put; undefined where nothing.
 * @param certain only what runs by itself: no comments, document types and other markup that documents hold, too.
 */
export function detectXss(value: string, certain = false): string | undefined {
  if (value.length < minBytes) return undefined;
  // Without either there is no tag and no attribute.
  if (!value.includes('<') && !value.includes('=')) return undefined;
  for (const place of places) {
    const found = scanHtml(value, place).find((each, at, all) => isDangerous(each) && (!certain || isSure(all, at)));
    if (found !== undefined) return found.name === '' ? found.kind : found.name;
  }
  return undefined;
}

const operator = (certain: boolean): Operator => ({
  requirements: { literals: undefined, sets: [setOf([0x3c, 0x3d])], minLength: minBytes },
  matches: (text) => detectXss(text.raw, certain) !== undefined,
  captures: (text) => [detectXss(text.raw, certain)],
});

/** `@detectXSS`; `@detectXSS sure` holds only for what runs by itself. */
export const detectXssOperator: OperatorFactory = (parameter) => operator(parameter.trim() === 'sure');

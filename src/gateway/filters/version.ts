import type { Deprecation } from '../../api/edge.ts';
import type { Denial } from '../../api/record.ts';
import { setResponseField } from '../exchange.ts';
import type { CompileFilter } from './filter.ts';

/** A version that goes away: callers are told in fields that clients can read, and refused when its time is over. */
export const version: CompileFilter = ({ clock }, { config }) => {
  const { deprecated } = config;
  if (deprecated === undefined) return undefined;
  const fields = fieldsOf(deprecated);
  const { sunsetMs = Number.POSITIVE_INFINITY, refuses } = deprecated;
  const gone = goneDenial(config.source, deprecated);
  return (exchange) => {
    for (const [name, value] of fields) setResponseField(exchange, name, value);
    return refuses && clock.now() >= sunsetMs ? gone : undefined;
  };
};

/** `Deprecation` (RFC 9745, section 2.1), `Sunset` (RFC 8594, section 3), and links to what comes next. */
function fieldsOf({ sinceMs, sunsetMs, successor, info }: Deprecation): (readonly [name: string, value: string])[] {
  const links = [
    ...(successor === undefined ? [] : [`<${successor}>; rel="successor-version"`]),
    ...(info === undefined ? [] : [`<${info}>; rel="deprecation"`]),
  ];
  return [
    ['deprecation', `@${Math.trunc(sinceMs / 1000)}`],
    ...(sunsetMs === undefined ? [] : [['sunset', new Date(sunsetMs).toUTCString()] as const]),
    ...links.map((link) => ['link', link] as const),
  ];
}

function goneDenial(source: string, { successor, sunsetMs }: Deprecation): Denial {
  return {
    status: 410,
    reason: {
      filter: 'version',
      code: 'gateway.gone',
      message: successor === undefined ? 'this version is gone' : `this version is gone; use ${successor}`,
      rule: `${source}.deprecated.sunset`,
      claim: 'time',
      ...(sunsetMs === undefined ? {} : { expected: `before ${new Date(sunsetMs).toISOString().slice(0, 10)}` }),
      fixes: ['call the version that took its place', `move \`${source}.deprecated.sunset\``],
    },
  };
}

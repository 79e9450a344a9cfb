/** Tools that look for holes and say so in `User-Agent`. Whoever hides it is found out by behaviour. */
const tools = [
  'acunetix',
  'arachni',
  'commix',
  'dirbuster',
  'feroxbuster',
  'ffuf',
  'fuzz faster',
  'gobuster',
  'jaeles',
  'masscan',
  'nessus',
  'netsparker',
  'nikto',
  'nmap scripting engine',
  'nuclei',
  'openvas',
  'sqlmap',
  'sqlninja',
  'w3af',
  'wfuzz',
  'whatweb',
  'wpscan',
  'xsstrike',
  'zgrab',
  'zmeu',
] as const;

const maxKnown = 1000;
const longest = 512;
const known = new Map<string, string | undefined>();

/** The scanner that a `User-Agent` names; undefined for others. What was seen before is remembered, within bounds. */
export function scannerNameOf(userAgent: string): string | undefined {
  if (known.has(userAgent)) return known.get(userAgent);
  const text = userAgent.slice(0, longest).toLowerCase();
  const name = tools.find((tool) => text.includes(tool));
  if (known.size >= maxKnown) known.clear();
  if (userAgent.length <= longest) known.set(userAgent, name);
  return name;
}

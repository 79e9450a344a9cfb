// What SecLang's reference names and this engine leaves out on purpose, with the reason. By name in lower case; variables in upper case.

const script = 'there is no script behind a gateway';
const noWebServer = 'there is no web server';
const hashing = 'responses are not rewritten';

export const unsupportedDirectives: ReadonlyMap<string, string> = new Map([
  ['secrulescript', 'there is no Lua'],
  ['secremoterules', 'rules come with the configuration'],
  ['secremoterulesfailaction', 'rules come with the configuration'],
  ['secgeolookupdb', 'there is no geographic database'],
  ['secgsblookupdb', 'there is no external look-up'],
  ['sechttpblkey', 'there is no external look-up'],
  ['secguardianlog', 'use the audit ledger'],
  [
    'include',
    'all `.conf` files of a folder are read in the order of their names; name the folder as `gateway.waf.rules`',
  ],
  [
    'includeoptional',
    'all `.conf` files of a folder are read in the order of their names; name the folder as `gateway.waf.rules`',
  ],
  ['secruleinheritance', 'rule sets do not inherit'],
  ['secruleperftime', 'use the metrics'],
  ['seccontentinjection', 'rules do not change responses'],
  ['secstreaminbodyinspection', 'rules do not change messages'],
  ['secstreamoutbodyinspection', 'rules do not change messages'],
  ['secpdfprotect', hashing],
  ['secpdfprotectmethod', hashing],
  ['secpdfprotectsecret', hashing],
  ['secpdfprotecttimeout', hashing],
  ['secpdfprotecttokenname', hashing],
  ['sechashengine', hashing],
  ['sechashkey', hashing],
  ['sechashmethodpm', hashing],
  ['sechashmethodrx', hashing],
  ['sechashparam', hashing],
  ['secparsexmlintoargs', 'values of XML documents are in the variable `XML`'],
]);

export const unsupportedVariables: ReadonlyMap<string, string> = new Map([
  ['GEO', 'there is no geographic database'],
  ['ENV', "rules do not see this process's environment"],
  ['PERF_ALL', 'use the metrics'],
  ['PERF_COMBINED', 'use the metrics'],
  ['PERF_GC', 'use the metrics'],
  ['PERF_LOGGING', 'use the metrics'],
  ['PERF_PHASE1', 'use the metrics'],
  ['PERF_PHASE2', 'use the metrics'],
  ['PERF_PHASE3', 'use the metrics'],
  ['PERF_PHASE4', 'use the metrics'],
  ['PERF_PHASE5', 'use the metrics'],
  ['PERF_RULES', 'use the metrics'],
  ['FILES_TMPNAMES', 'bodies are never written to files'],
  ['SDBM_DELETE_ERROR', 'bodies are never written to files'],
  ['SCRIPT_BASENAME', script],
  ['SCRIPT_FILENAME', script],
  ['SCRIPT_GID', script],
  ['SCRIPT_GROUPNAME', script],
  ['SCRIPT_MODE', script],
  ['SCRIPT_UID', script],
  ['SCRIPT_USERNAME', script],
  ['STREAM_INPUT_BODY', 'use `REQUEST_BODY`'],
  ['STREAM_OUTPUT_BODY', 'use `RESPONSE_BODY`'],
  ['RESPONSE_XML', 'use `RESPONSE_BODY`'],
  ['USERAGENT_IP', 'use `REMOTE_ADDR`: trusted proxies are the business of `gateway.trustedProxies`'],
  ['USERID', 'use `REMOTE_USER`: who calls is known to the gateway'],
  ['SESSIONID', 'collections last for one transaction'],
  ['WEBAPPID', noWebServer],
  ['WEBSERVER_ERROR_LOG', noWebServer],
  ['MODSEC_BUILD', 'this is another engine'],
]);

export const unsupportedControls: ReadonlyMap<string, string> = new Map([
  ['hashengine', hashing],
  ['hashenforcement', hashing],
  ['requestbodylimit', "the gateway's own limits apply: `waf.bodyBytes` of the route"],
  ['responsebodylimit', "the gateway's own limits apply"],
  ['parsexmlintoargs', 'values of XML documents are in the variable `XML`'],
]);

import { hash } from 'node:crypto';

/** The one style sheet of the provider's pages. It follows the reader's choice of light or dark. */
export const styleSheet = `
:root { color-scheme: light dark; --ink: #16202c; --paper: #f3f5f8; --card: #fff; --line: #c9d1db; --quiet: #56626f; --key: #1f5fbf; --key-ink: #fff; --alarm: #a4161a; --alarm-paper: #fdecec }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --paper: #10161d; --card: #18212b; --line: #35424f; --quiet: #9fadbb; --key: #7db0f7; --key-ink: #0b1622; --alarm: #ffb3b3; --alarm-paper: #3a1618 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 24rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0 0 1.25rem; color: var(--quiet) }
p[role=alert] { padding: .75rem; border-radius: .5rem; background: var(--alarm-paper); color: var(--alarm) }
label { display: block; margin-bottom: .25rem; font-weight: 600 }
input { width: 100%; margin-bottom: 1rem; padding: .625rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: inherit; font: inherit }
button { width: 100%; padding: .6875rem; border: 1px solid transparent; border-radius: .5rem; background: var(--key); color: var(--key-ink); font: inherit; font-weight: 600; cursor: pointer }
button + button, form + form button { margin-top: .5rem; background: transparent; border-color: var(--line); color: inherit }
input:focus-visible, button:focus-visible { outline: 3px solid var(--key); outline-offset: 2px }
dl { margin: 0; color: var(--quiet); overflow-wrap: anywhere } dt { font-weight: 600 } dd { margin: 0 0 .5rem }
`;

/** The style sheet as a Content-Security-Policy source, so that no other inline style runs. */
export const styleSource = `'sha256-${hash('sha256', styleSheet, 'base64')}'`;

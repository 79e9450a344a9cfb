/** The look of every page: one style sheet, light and dark. */
export const style = `
:root { color-scheme: light dark; --ink: #22302a; --soft: #5d6f66; --paper: #f6f4ee; --card: #fff; --line: #dcd8cc; --leaf: #2f6b4f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ede9; --soft: #a0b0a8; --paper: #151b18; --card: #1e2723; --line: #33403a; --leaf: #7cc3a0; } }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 1.2rem 1.5rem; }
header a { font: italic 600 1.3rem Georgia, serif; color: var(--leaf); text-decoration: none; }
h1 { font: 600 2.2rem Georgia, serif; margin: 0.2rem 0 1rem; }
form { display: flex; gap: 0.5rem; margin-bottom: 1.5rem; }
input, button { font: inherit; padding: 0.5rem 0.9rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--card); color: inherit; }
input { flex: 1; max-width: 24rem; }
button { background: var(--leaf); border-color: var(--leaf); color: var(--paper); cursor: pointer; }
ul { list-style: none; padding: 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
li a { display: flex; flex-direction: column; gap: 0.2rem; height: 100%; padding: 1rem 1.2rem; border: 1px solid var(--line); border-radius: 0.8rem; background: var(--card); color: inherit; text-decoration: none; }
li a:hover, li a:focus-visible { border-color: var(--leaf); }
li span { color: var(--soft); flex: 1; }
em { font-style: normal; font-size: 0.8rem; color: var(--leaf); }
pre { padding: 1rem 1.2rem; overflow: auto; border: 1px solid var(--line); border-radius: 0.8rem; background: var(--card); }
main a { color: var(--leaf); }
footer { color: var(--soft); font-size: 0.85rem; }
`;

import { sha256 } from '../platform/hash.ts';
import { Html } from './html.ts';

/** The one style of all pages: system fonts, both colour schemes, one column that fits 320 CSS pixels. */
const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--quiet:#57606a;--line:#d0d7de;--mark:#0b57d0;--bad:#a40e26;--good:#116329;--soft:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--quiet:#9aa4af;--line:#3a424b;--mark:#79b8ff;--bad:#ff9492;--good:#7ee2a8;--soft:#161b22}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header,main{max-width:44rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;border-bottom:1px solid var(--line)}
header strong{flex:1 0 auto}
header form{margin:0}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
a{color:var(--mark)}
:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
h1{font-size:1.4rem;line-height:1.25}
h2{font-size:1.1rem;margin-top:1.75rem}
dl{display:grid;grid-template-columns:minmax(7rem,30%) 1fr;gap:.35rem .75rem;margin:0}
dt{color:var(--quiet)}
dd{margin:0}
@media(max-width:30rem){dl{display:block}dd{margin:0 0 .6rem}}
ul.cards{list-style:none;padding:0}
ul.cards li{border:1px solid var(--line);border-radius:.5rem;padding:.75rem;margin:.75rem 0}
ul.cards p{margin:.25rem 0}
.quiet{color:var(--quiet)}
.bad{color:var(--bad)}
.good{color:var(--good)}
.notice{border:2px solid currentColor;border-radius:.5rem;padding:.6rem .8rem}
pre{background:var(--soft);border:1px solid var(--line);padding:.6rem;white-space:pre-wrap}
label{display:block;font-weight:600;margin-top:1rem}
input,textarea{width:100%;font:inherit;color:inherit;background:var(--soft);border:1px solid var(--quiet);border-radius:.35rem;padding:.6rem}
button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.25rem;margin:1rem .5rem 0 0;border-radius:.35rem;border:2px solid var(--mark);background:var(--paper);color:var(--mark);cursor:pointer}
button.good{border-color:var(--good);color:var(--good)}
button.bad{border-color:var(--bad);color:var(--bad)}
header button{margin:0;min-height:2.5rem}
`;

/** The element, byte for byte what the policy below lets in. */
export const STYLE_ELEMENT = Html.joined(`<style>${STYLE}</style>`);

/** What browsers may do with a page: show it with this one style, and send its forms back here. No script, no frame, no other site. */
export const PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${sha256(STYLE).toString('base64')}'; form-action 'self'; base-uri 'none'; ` +
  "frame-ancestors 'none'";

/** The same for a page on which a passkey is used: our own file of script, which asks our own API. Nothing inline. */
export const PASSKEY_PAGE_POLICY = `${PAGE_POLICY}; script-src 'self'; connect-src 'self'`;

"""How the report looks, light and dark, on a screen and on paper."""

STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--text:#1b2430;--soft:#5b6776;--line:#dfe4ea;--mark:#2563c9;
--warn:#a34a00}
@media (prefers-color-scheme:dark){:root{
--ground:#11161d;--card:#1a212b;--text:#e6ebf1;--soft:#98a5b5;--line:#2c3642;--mark:#5c9bff;--warn:#ffb066}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:0 20px}
h1{font-size:26px;font-weight:650;margin:32px 0 18px;overflow-wrap:anywhere}
h2{font-size:19px;font-weight:650;margin:0 0 14px}
h3{font-size:14px;font-weight:600;margin:18px 0 8px;color:var(--soft);overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 24px;margin:18px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(44%,230px),1fr));gap:12px}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;display:flex;flex-direction:column}
.tiles b{font-size:24px;font-weight:650;font-variant-numeric:tabular-nums}
.tiles span{color:var(--soft)}
.tiles i{font-style:normal;font-size:12px;color:var(--soft);min-height:18px}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:6px 28px}
svg{max-width:100%;height:auto;display:block}
svg text{fill:var(--text);font:12.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
svg text.value,svg text.tick{fill:var(--soft)}
svg text.tick{font-size:11px}
svg rect{fill:var(--mark)}
svg rect.ground{fill:var(--ground);stroke:var(--line)}
svg line.axis{stroke:var(--line)}
.none{color:var(--soft)}
.warn{color:var(--warn)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:10px 0}
th,td{text-align:right;padding:4px 14px 4px 0;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
th{font-weight:600;color:var(--soft)}
summary{cursor:pointer;color:var(--soft);margin-top:12px}
.shots{display:grid;grid-template-columns:repeat(auto-fill,minmax(170px,1fr));gap:10px}
figure{margin:0}
figure div{position:relative;border-radius:8px;overflow:hidden;background:var(--ground);border:1px solid var(--line);line-height:0}
figure img{width:100%;display:block}
figure svg{position:absolute;inset:0;width:100%;height:100%}
figure svg rect{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
figure svg rect.halo{stroke:#000;stroke-opacity:.55;stroke-width:4}
figure svg rect.region{fill:#888;fill-opacity:.45;stroke:none}
figcaption{font-size:11.5px;color:var(--soft);margin-top:3px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
@media print{body{background:#fff}section,.tiles div{break-inside:avoid}}
"""

extension Report {
    /// The style sheet of the page. Colours are variables with a light and a dark set.
    static let style = """
        :root { color-scheme: light dark; --page: #f7f7f5; --card: #ffffff; --ink: #1c1c1a; --soft: #6b6a65; --line: #e3e2dd; --s1: #2a6fdb; --s2: #d9622b; --s3: #1a936f; --s4: #8b5cc7; --s5: #b8860b; --s6: #0b8fa8; --s7: #c2407a; --s8: #6b7280; --heat: 42, 111, 219; --miss: 217, 98, 43; }
        @media (prefers-color-scheme: dark) { :root { --page: #161615; --card: #20201e; --ink: #ecebe6; --soft: #9c9b94; --line: #383733; --s1: #6ca4f8; --s2: #f08a54; --s3: #4cc59c; --s4: #b594e8; --s5: #e0b84c; --s6: #4cc3d9; --s7: #ee82b0; --s8: #a3a9b5; --heat: 108, 164, 248; --miss: 240, 138, 84; } }
        * { box-sizing: border-box; }
        body { margin: 0; padding: 32px 24px 64px; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
        main { max-width: 1180px; margin: 0 auto; }
        h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; letter-spacing: -0.01em; }
        h2 { font-size: 17px; margin: 40px 0 12px; font-weight: 650; }
        p.lead, p.note { color: var(--soft); margin: 0 0 14px; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 24px 0 0; }
        .tile, .chart, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
        .tile { padding: 14px 16px; }
        .tile b { display: block; white-space: nowrap; font-size: 22px; font-weight: 650; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; }
        .tile span { color: var(--soft); font-size: 13px; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 16px; }
        .chart { margin: 0; padding: 14px 16px 10px; }
        .chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 16px; font-weight: 600; margin-bottom: 8px; }
        .legend { font-weight: 400; color: var(--soft); font-size: 13px; display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; }
        .key i { display: inline-block; width: 16px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; background: currentColor; }
        i.s1 { color: var(--s1); } i.s2 { color: var(--s2); } i.s3 { color: var(--s3); } i.s4 { color: var(--s4); } i.s5 { color: var(--s5); } i.s6 { color: var(--s6); } i.s7 { color: var(--s7); } i.s8 { color: var(--s8); }
        svg { display: block; width: 100%; height: auto; }
        svg text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
        svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); stroke-opacity: 0.6; }
        svg polyline { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        svg circle { stroke: var(--card); stroke-width: 1.5; }
        polyline.s1 { stroke: var(--s1); } polyline.s2 { stroke: var(--s2); } polyline.s3 { stroke: var(--s3); } polyline.s4 { stroke: var(--s4); } polyline.s5 { stroke: var(--s5); } polyline.s6 { stroke: var(--s6); } polyline.s7 { stroke: var(--s7); } polyline.s8 { stroke: var(--s8); }
        circle.s1 { fill: var(--s1); } circle.s2 { fill: var(--s2); } circle.s3 { fill: var(--s3); } circle.s4 { fill: var(--s4); } circle.s5 { fill: var(--s5); } circle.s6 { fill: var(--s6); } circle.s7 { fill: var(--s7); } circle.s8 { fill: var(--s8); }
        .card { padding: 6px 16px; overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        .card:not(.confusion) > table { width: 100%; }
        th { text-align: left; font-weight: 600; color: var(--soft); font-size: 13px; }
        .card:not(.confusion) > table :is(td, th) { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        .card:not(.confusion) > table tr:last-child > * { border-bottom: 0; }
        td.n, th.n { text-align: right; }
        :is(td, th).n + :is(td, th):not(.n) { padding-left: 24px !important; }
        tr.total td { font-weight: 650; }
        code, td.code { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 13px; white-space: pre; }
        td.code.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
        .confusion { padding: 16px; overflow-x: auto; display: inline-block; max-width: 100%; }
        .confusion table { border-collapse: separate; border-spacing: 2px; font-size: 13px; }
        .confusion td { min-width: 46px; height: 34px; text-align: center; border-radius: 4px; padding: 0 6px; }
        .confusion td.hit { background: rgba(var(--heat), var(--a)); } .confusion td.err { background: rgba(var(--miss), var(--a)); }
        .confusion td.zero { color: var(--soft); opacity: 0.35; }
        .confusion td.strong { color: #fff; }
        @media (prefers-color-scheme: dark) { .confusion td.strong { color: #111; } }
        .confusion th { padding: 0 8px; font-weight: 400; white-space: nowrap; text-align: right; }
        .confusion thead th { vertical-align: bottom; text-align: center; padding: 0 0 6px; }
        .confusion thead th span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; }
        .confusion td.side { color: var(--soft); font-size: 12px; white-space: nowrap; }
        .wrong { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 12px; }
        .wrong figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 10px; font-size: 13px; line-height: 1.35; }
        .wrong img { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; border-radius: 4px; background: #000; display: block; margin-bottom: 8px; }
        .wrong b { font-weight: 650; display: block; overflow-wrap: anywhere; } .wrong .was { color: var(--soft); display: block; overflow-wrap: anywhere; }
        .wrong .bar { height: 4px; border-radius: 2px; background: var(--line); margin: 5px 0; } .wrong .bar i { display: block; height: 4px; border-radius: 2px; background: var(--s2); }
        .empty { color: var(--soft); }
        footer { color: var(--soft); font-size: 13px; margin-top: 40px; }
        """
}

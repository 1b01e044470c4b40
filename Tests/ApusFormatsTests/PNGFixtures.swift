// Made by Pillow 13 and by hand; the expected values are Pillow's.
enum PNGFixtures {
    struct Fixture: Sendable { let name: String; let width: Int; let height: Int; let channels: Int; let file: String; let pixels: String }
    static let all: [Fixture] = [
        Fixture(
            name: "gray8", width: 7, height: 5, channels: 1,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAACs8akEAAAAMUlEQVR4nGOMV3YQ/yajwuQyX5RhM+86plyVh/zeYW8YbGu5ZD84CTNsU7dmsQ68BwDsRAw1PMGDFAAAAABJRU5ErkJggg==",
            pixels: "X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4="),
        Fixture(
            name: "rgb8", width: 7, height: 5, channels: 3,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAAG+GGPAAAAeUlEQVR4nAFuAJH/AXh6MljU6nBYXRkEcCYIBAG/jswqygQiCMaP+8h6Gb8i4v4lgZ7slNuiSKMBYO9M1xH7FseUg+m17vvYugiYeELmAWS/2BocRxcMbt4pDJVpOsdKNOQHswCmJ7nYScT3LA5/2xY6S/ncLnmoBdnvpjOLJEgxLgAAAABJRU5ErkJggg==",
            pixels:
                "eHoy0E4cQKZ5Warpf7LtgHF7TJtFmoL4X0nAur9/3KHnASuL7b9WjwfoYO9MNwBHTcfb0LCQvqtoeLMA8PXmZL/YftsfleeNcxCZCHnTz8MHs8q6pie52EnE9ywOf9sWOkv53C55qAXZ"
        ),
        Fixture(
            name: "rgba8", width: 7, height: 5, channels: 3,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAYAAACJmvbYAAAAnElEQVR4nAGRAG7/AXh6MjhY1OracFhdgxkEcH8mCAQMAb+Oy8wqys4EIgjGFI/7yLl6Gb/lIuL+kSWBnlXslNvkokijgQFg70w11xH7NxbHlKCD6bWX7vvYl7oImC14QubWAgTQjMBH29jTSCCy+6NgCcVKzmuQVxAH98PV1MQApie5YNhJxAf3LA7Rf9sWHzpL+ajcLnnrqAXZHiRCSMt89M1QAAAAAElFTkSuQmCC",
            pixels:
                "eHoy0E4cQKZ5Warpf7LtgHF7TJtFmoL4X0nAur9/3KHnASuL7b9WjwfoYO9MNwBHTcfb0LCQvqtoeLMA8PXmZL/YftsfleeNcxCZCHnTz8MHs8q6pie52EnE9ywOf9sWOkv53C55qAXZ"
        ),
        Fixture(
            name: "grayAlpha8", width: 7, height: 5, channels: 1,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAQAAAAjkz5TAAAAVklEQVR4nAFLALT/AF84ghLCldkUzyDr6w+5AkQUn98VQQASs1sN5K6BAm3pJHvhNg99S79WmOwDAD31fT8KBx1o8MpCXhMBALZgJwc70QQfO6hR694eedcdbB/4ce8AAAAASUVORK5CYII=",
            pixels: "X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4="),
        Fixture(
            name: "gray16", width: 7, height: 5, channels: 1,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFEAAAAAD8YXVHAAAAVklEQVR4nAFLALT/AAqpq67iu4aONjqlrmYxAEHe4PCdiRplw5mxM2I4APUadf4mff9JxT/OEwZWAPsYcS1hKK3zr3/GPvM5AH/GpoSlvNceC4CwPmmvSoQjwipfJ0kAAAAASUVORK5CYII=",
            pixels: "CqvihjalZkHgnRrDsWL1dSb/xc4G+3Fhra/G83+mpdcLsGk="),
        Fixture(
            name: "rgb16", width: 7, height: 5, channels: 3,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFEAIAAABWaL3MAAAA4klEQVR4nAHXACj/AFq8Y5A7uuAKrz4ilQQVlDN1ubizajvYcZ7xhn1OGGAbAvVPbA0YbEe0wQB8X7NDuAR5huO1ppISrHnS7x0gnIgGd0xbmKXRrDjHa5JP3u1BLQhMUmYA1qO4MQv5mCSUQoEhWZ5WgZK8wrokj2RBSepUAwUa4+m6o0OQAAM6JwK8ALbUMVWfiYrvDG0HkRWCLLxgjCq31SjuT2adRlHJf+1gUQNQ2T1HHwTKrABFQuBh/GwUTFCSDv7prqvXxIZWC6S4ktq3EyZ4pBbcK3DTc0lKr+Ue6ElS92FKXjluSQAAAABJRU5ErkJggg==",
            pixels:
                "WmM74K8iBJR1uGrYnoZOYAJPDWy0fLO4eeOmEnnvIIh3W6Wsx5LeQQhS1rgLmJSBWVaSwiRkSVQF47pDADoCtjGfigwHFSxgKtXuZkbJ7VFQPR/KReD8FFAO6avEVqSStyak3HBzSuXo"
        ),
        Fixture(
            name: "gray1", width: 7, height: 5, channels: 1,
            file: "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFAQAAAACh4ct1AAAAEklEQVR4nGMwYMhhsGO4xJABAAjCAhXLXisPAAAAAElFTkSuQmCC",
            pixels: "AAD//wAAAAD//wD//wAAAP////////8A/wAA/wD//wD/AAA="),
        Fixture(
            name: "gray2", width: 8, height: 5, channels: 1,
            file: "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAFAgAAAAAXSuooAAAAF0lEQVR4nGNI4GJ4JcwwVZ7B6DzDhMMAHDcEcPpLkosAAAAASUVORK5CYII=",
            pixels: "VaoAAAAAqqr/qqqqAFUA/6pVVVUAVf//AP8Aqv8A//+qVQAA/wAA/w=="),
        Fixture(
            name: "palette4", width: 8, height: 5, channels: 3,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAFBAMAAACKv7BmAAAAG1BMVEUmUy7xFNZwDCjcd13sgfKiF70BG4eEk4JYOw32e+EEAAAAAnRSTlMAgJsrThgAAAAhSURBVHicYwgLE25j0DB1M2Ro9mBuZCgQkHBmKGMpNwMARR4Fa+XlfTMAAAAASUVORK5CYII=",
            pixels:
                "ohe9ARuHohe9ARuH8RTW3HddWDsNARuHcAwoWDsN3Hddohe97IHyARuH3Hdd8RTWWDsN3Hdd7IHyWDsNJlMu3HddWDsN8RTWhJOCJlMu8RTWJlMu8RTWWDsN7IHy3HddhJOCARuHJlMu7IHyhJOChJOC3HddARuH"
        ),
        Fixture(
            name: "gamma", width: 7, height: 5, channels: 1,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAACs8akEAAAABGdBTUEAAYagMeiWXwAAADNJREFUeJwBKADX/wBfgsLZz+sPAKMh19mC+L0AEEW46M1OqQA9fQod8EITALYnOwQ7Ud6GrRFWGipEQwAAAABJRU5ErkJggg==",
            pixels: "X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4="),
        Fixture(
            name: "interlaced", width: 7, height: 5, channels: 3,
            file:
                "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAIAAAFx/1EZAAAAf0lEQVR4nAF0AIv/AHh6MgB/su0Apie5Okv5AECmeUybRQD3LA6oBdkAYO9MTcfbvqto8PXmANBOHFmq6YBxewA3AEfQsJB4swAA2EnEf9sW3C55AJqC+F9JwLq/f9yh5wEri+2/Vo8H6ABkv9h+2x+V541zEJkIedPPwwezyro2DzidgIwzagAAAABJRU5ErkJggg==",
            pixels:
                "eHoy0E4cQKZ5Warpf7LtgHF7TJtFmoL4X0nAur9/3KHnASuL7b9WjwfoYO9MNwBHTcfb0LCQvqtoeLMA8PXmZL/YftsfleeNcxCZCHnTz8MHs8q6pie52EnE9ywOf9sWOkv53C55qAXZ"
        ),
    ]
    /// The luma of `rgb8`.
    static let luma = "cW+Cmal3epddtrspwUmyGaW2qY3yp6rEPWGxwV6CZalaa04="
    /// `rgb8` in other sizes.
    static let resized: [(width: Int, height: Int, pixels: String)] = [
        (3, 2, "fHuAiJeqkYqDiouDhYOBpImI"),
        (
            14, 11,
            "eHoyjm8tulkirGQzZJBiRqeVU6nNY6zqdrDsf6LRgIGYc3xuWZFTTJtFfntWjXBPrFlBomVKb5NqXaqWaqnNb6Xla53fc5PCiYaOhYBwZ4BoWIBjjn+wjHKliliPimaDjJt/lrKYpanNjZPZT269VG6coJF2sol2i1abdz2tlYzohnrcalXCcWKqm6GTu7md0arJqYjJRVKeRlh6rpxc0JZ1q0XCmB3oer2abpaTVUiFV0qLcZuklb2zwLC2upuohH+IeoNknKc7s61YvpW3xInnYO9MVrNLQTxIPTJsSJW2bsHIr7ajzK+Gw6xyra1OirEalsQ60uWt8PXmYtmMYLx2WoFKXYBWaLmXfLqvmIOdl3OVeomYeZ5zk7EprcQ3x9ie1OHSZMPLacShc8ZNfs4/id14irKVgVCXYzalMma9RI+Zm7E3w8U1vMuQuc6+fIjNhY+xl593paVcsqReqZFhiGxnYF2IMmXDSXK1pYRdy4pWuIWgr4LFmkO/pku5vVysz16G3lNGy2gnl5wsap1fRGzBXFHPsEyIzkGAtjG4qinTpie5szC8zEHB4EKX7zM82VgQna8UbrdPS2/AY0TZtDWZzySRtQ/BqAXZ"
        ),
        (7, 2, "gJuQe0FpebuTq6HQVHelrqRLkXWye5ewiXRkpaJ2kXxxQXLDwZAtvIzQ"),
        (4, 5, "m2ksZJaGdaPVZYpkgmzasZ+pbmqasVilTodRbZmota5eutV9cc2Fh6h6Tmqat8Nuvza2z2M1bm6guRqx"),
        (1, 1, "i4uM"),
    ]
}

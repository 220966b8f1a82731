"""Real programs as measuring instruments: each module gives one host a preset as the host takes it and returns what came out.

| module | host | takes |
| --- | --- | --- |
| `ffmpeg` | FFmpeg | an audio filter string |
| `sox` | SoX | an effect string |
| `faust` | Faust and g++ | a .dsp source |
| `ardour` | Ardour 7, headless | an LV2 preset bundle, its plug-in and label |
| `audacity` | Audacity 3, under Xvfb | a macro file with a Filter Curve |
| `vst3` | Pedalboard | a .vstpreset and its plug-in |

Every program runs in a private folder that is also its home and its place for temporary files, with a time limit, and is killed with all
its children at the end. A missing program is a MissingHostError that names the Debian package; what a host refuses is a PresetReadError
with the host's own last words. Each `measure` returns a Measurement whose `host` is the text for a "verified" column.
"""

"""How models are judged: metrics, baselines, hold-outs, and the gate before `champion`."""

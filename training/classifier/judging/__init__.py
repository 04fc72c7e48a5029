"""How good the classifier is, told in full: `vitrine evaluate --model classifier`.

What belongs here: judging a registered version on the products that no version has seen, against
peers that read text alone and against itself with less to look at; the page, its pictures, and the
tables for `vitrine sql`. What the gate of a training run looks at is
`training.classifier.evaluation`.
"""

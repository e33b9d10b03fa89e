"""The history at work: what two states of the configuration differ in, and what a change would do.

- foresight: what translators foresee, as the answer of a dry run
"""

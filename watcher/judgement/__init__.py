"""What is credible, what changed, what it means, who must hear it.

Pure: records in, records out, the clock an argument.
"""

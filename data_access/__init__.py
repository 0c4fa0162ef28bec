"""Everything about the data: the contract, the clock, the indicators, the command line.

Nothing here imports Streamlit or Altair.
"""

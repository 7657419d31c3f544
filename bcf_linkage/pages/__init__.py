"""What every report is drawn with: one page that needs nothing else, its tables and its charts. It knows nothing of what they tell."""

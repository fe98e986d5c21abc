"""What the API and the pages stand on alike: transactions off the loop, who is asking, what a server has."""

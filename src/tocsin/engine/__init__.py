"""What happens without anybody asking.

inbox    alerts wait here for the next group commit; a receipt each
tick     one piece of work: holds that end, steps that are due, deliveries that may be sent
courier  sends what was leased, all at once, and brings back what became of it
runner   ticks when something is due or something happened; the only place that waits
"""

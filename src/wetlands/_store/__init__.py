"""Where environments live on disk: their layout, their records, and who may change them when.

`provision.provision` tells the story; `store.Store` answers questions without a lock.
"""

"""Purges deleted volumes in the background: their data goes, and then they are forgotten.

A queue of ids for each Gluster volume; the trash on the Gluster volume is the real queue, and the sweep puts
into this one what it finds there. The order never changes: data, and only while all is well: tombstone,
limit off, directory off. A limit that outlives its directory could not be removed any more (glusterfs 10.3).
"""

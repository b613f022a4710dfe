"""Empties deleted volumes in the background and takes them away for good.

A queue of ids for each Gluster volume; the trash on the Gluster volume is the real queue, and the sweep puts
into this one what it finds there. The order never changes: emptied, and only while all is well: tombstone,
limit off, directory off. A limit that outlives its directory could not be removed any more (glusterfs 10.3).
"""

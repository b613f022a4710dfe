"""Files of Piragua's own on the Gluster volume."""

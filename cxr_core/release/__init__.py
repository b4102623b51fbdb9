"""What leaves the building: splits, layouts, tables, documents, gates, and the one rename that publishes them.

Takes pseudonymised frames and JPEG files; gives a release tree. Whether identified strings remain in it is left to
`verification`, which shares no code with this room.
"""

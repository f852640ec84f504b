"""Server-Sent Events as bytes: parser, writer, cursors, headers. Pure: no I/O, no clock."""

#!/usr/bin/python3
"""Make a v1 torrent with libtorrent. usage: libtorrent_make.py SOURCE OUT PIECE_BYTES TRACKER"""
import libtorrent as lt, os, sys
source, out, piece, tracker = sys.argv[1:5]
files = lt.file_storage()
lt.add_files(files, source)
torrent = lt.create_torrent(files, int(piece), lt.create_torrent.v1_only)
torrent.add_tracker(tracker)
lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(source)))
with open(out, 'wb') as f:
    f.write(lt.bencode(torrent.generate()))

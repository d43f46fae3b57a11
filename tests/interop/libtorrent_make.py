#!/usr/bin/python3
"""Make a torrent with libtorrent. usage: libtorrent_make.py SOURCE OUT PIECE_BYTES TRACKER [v1|v2|hybrid]"""
import libtorrent as lt, os, sys
source, out, piece, tracker = sys.argv[1:5]
version = {'v1': lt.create_torrent.v1_only, 'v2': lt.create_torrent.v2_only, 'hybrid': 0}[(sys.argv[5:] + ['v1'])[0]]
files = lt.file_storage()
lt.add_files(files, source)
torrent = lt.create_torrent(files, int(piece), version)
torrent.add_tracker(tracker)
lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(source)))
with open(out, 'wb') as f:
    f.write(lt.bencode(torrent.generate()))

#!/usr/bin/python3
"""Download a magnet with libtorrent, from no peer but those that it names. usage: libtorrent_magnet.py PORT MAGNET DIR"""
import libtorrent as lt, signal, sys
port, magnet, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
session = lt.session({
    'listen_interfaces': f'127.0.0.1:{port}', 'alert_mask': 0, 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
    'enable_natpmp': False, 'allow_multiple_connections_per_ip': True, 'ssrf_mitigation': False,
})
p = lt.parse_magnet_uri(magnet)
p.save_path = folder
p.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
session.add_torrent(p)
signal.pause()

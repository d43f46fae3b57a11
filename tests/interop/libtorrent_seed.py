#!/usr/bin/python3
"""Seed torrents with libtorrent. usage: libtorrent_seed.py PORT UP_BYTES_PER_S(0: no limit) TORRENT DIR [TORRENT DIR]...
LIBTORRENT_SETTINGS in the environment: more settings, as JSON."""
import json, libtorrent as lt, os, signal, sys
port, rate = int(sys.argv[1]), int(sys.argv[2])
everyone = lt.ip_filter()
for first, last in (('0.0.0.0', '255.255.255.255'), ('::', 'ffff:' * 7 + 'ffff')):
    everyone.add_rule(first, last, 1 << lt.session.global_peer_class_id)
session = lt.session({
    'listen_interfaces': f'127.0.0.1:{port},[::1]:{port}', 'alert_mask': 0, 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
    'enable_natpmp': False, 'allow_multiple_connections_per_ip': True, 'upload_rate_limit': rate,
    'validate_https_trackers': False, 'ssrf_mitigation': False,
    **json.loads(os.environ.get('LIBTORRENT_SETTINGS', '{}')),
})
session.set_peer_class_filter(everyone)  # else the rate limit would not hold for loopback
for torrent, folder in zip(sys.argv[3::2], sys.argv[4::2]):
    p = lt.add_torrent_params()
    p.ti, p.save_path = lt.torrent_info(torrent), folder
    p.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
    session.add_torrent(p)
signal.pause()

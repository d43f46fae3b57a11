#!/usr/bin/python3
"""Take part in a swarm with libtorrent, and find peers through peers alone.
usage: libtorrent_peer.py HOST PORT PEX(0 or 1) DOWN_BYTES_PER_S(0: no limit) UPLOAD_SLOTS TORRENT DIR [PEER_HOST PEER_PORT]...
LIBTORRENT_SETTINGS in the environment: more settings, as JSON."""
import json, libtorrent as lt, os, signal, sys
host, (port, pex, rate, slots) = sys.argv[1], map(int, sys.argv[2:6])
torrent, folder, peers = sys.argv[6], sys.argv[7], sys.argv[8:]
everyone = lt.ip_filter()
for first, last in (('0.0.0.0', '255.255.255.255'), ('::', 'ffff:' * 7 + 'ffff')):
    everyone.add_rule(first, last, 1 << lt.session.global_peer_class_id)
interface = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
session = lt.session({
    'listen_interfaces': interface, 'alert_mask': 0, 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
    'enable_natpmp': False, 'allow_multiple_connections_per_ip': True, 'download_rate_limit': rate,
    'unchoke_slots_limit': slots, 'allowed_fast_set_size': 0, 'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    **json.loads(os.environ.get('LIBTORRENT_SETTINGS', '{}')),
}, pex)  # the flag add_default_plugins: PEX and metadata
session.set_peer_class_filter(everyone)  # else the rate limit would not hold for loopback
p = lt.add_torrent_params()
p.ti, p.save_path = lt.torrent_info(torrent), folder
p.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
handle = session.add_torrent(p)
for peer_host, peer_port in zip(peers[::2], peers[1::2]):
    handle.connect_peer((peer_host, int(peer_port)))
signal.pause()

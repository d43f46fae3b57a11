#!/usr/bin/python3
"""DHT nodes of libtorrent. usage: libtorrent_dht.py HOST:PORT,... BOOTSTRAP announce|find INFO_HASH
The first node announces its own port, or prints "found HOST:PORT" for every peer that it finds."""
import libtorrent as lt, sys, time
listen, bootstrap, role, info_hash = sys.argv[1:5]
sessions = [lt.session({
    'listen_interfaces': where, 'alert_mask': lt.alert.category_t.dht_operation_notification, 'enable_dht': True,
    'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False, 'dht_bootstrap_nodes': bootstrap,
    'dht_restrict_routing_ips': False, 'dht_restrict_search_ips': False, 'dht_prefer_verified_node_ids': False,
    'dht_ignore_dark_internet': False, 'dht_block_ratelimit': 1000, 'dht_upload_rate_limit': 1000000,
}) for where in listen.split(',')]
first, target, told = sessions[0], lt.sha1_hash(bytes.fromhex(info_hash)), set()
host, _, port = bootstrap.partition(':')
for session in sessions: session.add_dht_node((host, int(port)))
if role == 'announce':
    p = lt.add_torrent_params()
    p.info_hash, p.save_path = target, '/nonexistent'
    p.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
    torrent = first.add_torrent(p)
for n in range(10_000):
    if role == 'announce': torrent.force_dht_announce()
    else: first.dht_get_peers(target)
    for _ in range(10):
        for alert in first.pop_alerts():
            if type(alert) is not lt.dht_get_peers_reply_alert: continue
            for peer in set(alert.peers()) - told: print('found %s:%d' % peer, flush=True)
            told.update(alert.peers())
        time.sleep(0.05)
    print('nodes', *(s.status().dht_nodes for s in sessions), flush=True)

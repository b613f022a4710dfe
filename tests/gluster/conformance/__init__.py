"""What a recorded Heketi 10.4.1 answered, asked of Piragua on a real Gluster.

`recordings/*.toml` holds a `[[recording]]` for each request, in the order in which they were made; what one
changes, later ones of the same file see. To add one, write it down there:

    item           a name, by which `differences.toml` calls it
    request        "METHOD /path"
    token          who asks: "admin" (if left out), "user", "none", or how the token differs (see tokens.py)
    body           as it is sent; body_hex: in hex; blanks_behind: that many blanks after it
    content_type   of the body; "application/json" if left out, "" for none
    more_headers   further headers of the request
    before         requests to make first, as ["METHOD /path", "body"]; not compared
    status, headers, text | json
                   the answer. Headers are all but Date, Connection and those about its length. With `text` or
                   `json` they can be left out: Heketi's headers for an error, or for JSON. Neither: no body
    end.*          the same for the end of the operation that a 202 began
    result.*       the same for what the end's Location leads to

Text is compared to the byte, JSON in its shape: keys, their order, and types. Placeholders: {cluster}, {node},
{device}, {hostname}, {volume} (one that is there), {source} (another, with a gid), {doomed}, {database}
(volumes to delete), {id} (any), {any} (any text), {seconds} (10 to 19), {MiB} (2^20 times
"x").

`differences.toml` says where Piragua answers otherwise on purpose, how, and why. A difference that is not
there any more fails the suite like one that is not listed.
"""

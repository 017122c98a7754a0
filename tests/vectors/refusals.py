"""What every implementation must refuse, and with which code."""

_POLICY = (
    '{"approvers":["alice"],"delegates":{},"device_bound_only":false,"exclude":[],"fallback":[],'
    '"threshold":1,"v":"cosignet/policy/v1","veto":false}'
)


def _policy(old, new):
    return _POLICY.replace(old, new, 1)


PAYLOADS = [
    {"text": "{", "code": "payload.not_json"},
    {"text": '{"a":1,}', "code": "payload.not_json"},
    {"text": '\ufeff{"a":1}', "code": "payload.not_json"},
    {"text": "[]", "code": "payload.not_object"},
    {"text": "null", "code": "payload.not_object"},
    {"text": '{"a":1,"a":1}', "code": "payload.duplicate_key"},
    {"text": '{"b":{"a":1,"\\u0061":2}}', "code": "payload.duplicate_key"},
    {"text": '{"a":NaN}', "code": "payload.not_finite"},
    {"text": '{"a":-Infinity}', "code": "payload.not_finite"},
    {"text": '{"a":9007199254740992}', "code": "payload.number_range"},
    {"text": '{"a":1e16}', "code": "payload.number_range"},
    {"text": '{"a":1e400}', "code": "payload.number_range"},
    {"text": '{"a":"\\ud800"}', "code": "payload.surrogate"},
    {"text": '{"\\udc00":1}', "code": "payload.surrogate"},
    {"text": '{"a":' * 33 + "1" + "}" * 33, "code": "payload.depth"},
]

POLICIES = [
    {"text": _policy('"threshold":1', '"threshold":1.0'), "code": "policy.form"},
    {"text": _policy('"threshold":1', '"threshold":true'), "code": "policy.form"},
    {"text": _policy('"threshold":1', '"threshold":0'), "code": "policy.form"},
    {"text": _policy('"veto":false', '"veto":0'), "code": "policy.form"},
    {"text": _policy('"veto":false', '"veto":false,"x":1'), "code": "policy.form"},
    {"text": _policy('"exclude":[],', ""), "code": "policy.form"},
    {"text": _policy("policy/v1", "policy/v2"), "code": "policy.form"},
    {"text": _policy('["alice"]', '["alice","alice"]'), "code": "policy.form"},
    {"text": _policy('["alice"]', "[]"), "code": "policy.empty"},
    {"text": _policy('"threshold":1', '"threshold":2'), "code": "policy.unreachable"},
    {"text": _policy('"exclude":[]', '"exclude":["alice"]'), "code": "policy.unreachable"},
    {"text": _policy('"delegates":{}', '"delegates":{"bob":["dora"]}'), "code": "policy.delegates"},
    {"text": _policy('"delegates":{}', '"delegates":{"alice":["alice"]}'), "code": "policy.delegates"},
]

"""Text that gives orders to the model that reads it is no evidence for anything: such units are taken out of hits.

A planted instruction would else support itself: an obedient model says what it was told to, and there it stands, word
for word, in a passage. The whole line goes with the order in it, for what is to be said may stand one sentence on.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from indexes.types import Chunk, Hit, Unit

_READER = r"(?:ai|llms?|gpt|assistants?|chat ?bots?|bots?|language models?|(?:answering |large )?models?|system|agent)"
_SAY = (
    r"(?:answer|reply|respond|say|write|output|print|append|repeat|begin|start|end|finish|sign|add|mention|recommend|tell"
    r"|state|insert|include|close|open|translate|switch|stop|refuse|send|visit|reveal|claim)"
)
_ENGLISH = rf"""
    \b(?:ignore|disregard|forget|override|bypass|drop|set\ aside)\b .{{0,50}}
        \b(?:instructions?|prompts?|rules?|orders?|guidelines?|directions?|questions?|passages?|documents?|above|before)\b
  | \b(?:attention|note|notice|message|memo|hint|reminder|instructions?|important|dear|hey|hello)\b .{{0,20}}
        \b(?:to|for)?\b \s* (?:all\ |any\ |the\ |every\ |this\ |you,?\ )* {_READER}
        \s* (?:[:,!—]|reading|that\ reads|who)
  | \bto\ (?:all|any|the|every|whichever)\ (?:\w+\ )?{_READER} \s* (?:[:,!—]|reading|that\ reads|who)
  | \b{_READER}\b [^.]{{0,60}} \b(?:must|shall|(?:is|are)\ (?:required|ordered|told|instructed|asked)\ to
        |has\ to|have\ to|should\ (?:always|only|now|never))\b
        [^.]{{0,30}} \b{_SAY}\b
  | \b(?:when|before|after|while|instead\ of|on)\ (?:you\ )?(?:are\ )?
        (?:asked\b.{{0,60}}|answer(?:ing)?|reply(?:ing)?|respond(?:ing)?|summari[sz](?:e|ing)) .{{0,60}} \b{_SAY}\b
  | \b(?:your|every|each|the\ (?:next|final|whole|entire|only|first|single))\ (?:\w+\ )?
        (?:answer|reply|response|output)s?\b .{{0,30}}
        \b(?:must|shall|should|is|with|contain|be|ends?|begins?|starts?)\b
  | \b{_SAY}\b .{{0,40}} \b(?:your|(?:every|each|the\ final|any)\ (?:\w+\ )?(?=answer|reply|response))\ ?
        (?:answer|reply|response|output)s?\b
  | \b(?:only|just|exactly|simply|always|instead)\b[,:]? \s* (?:answer|reply|respond|print|repeat)\b
  | \b(?:answer|reply|respond|say|print|output|write)\b .{{0,25}}
        \b(?:only|exactly|nothing\ (?:but|else)|verbatim|word\ for\ word|in\ capitals)\b
  | \b(?:answer|reply|respond|say|write|output|print|append|repeat|add|insert|include)\b .{{0,40}}
        \b(?:following|words?|phrase|code|line|sentence|text|string|token)\b \s* ["'“‘「:]
  | \byou\ are\ (?:now|no\ longer)\b | \bfrom\ now\ on\b | \bnew\ (?:\w+\ )?(?:task|rules?|instructions?|orders?)\s*[:!]
  | \b(?:system|developer|admin(?:istrator)?)\ (?:prompt|message|override|note|notice|mode|update|instructions?)\b
  | \b(?:reveal|print|show|leak|output|send|post|tell)\b .{{0,40}}
        \b(?:system\ prompt|your\ (?:prompt|instructions)|api\ keys?|passwords?|secrets?|environment)\b
  | \btell\ (?:the|this|your)\ (?:users?|readers?|askers?|person|customers?)\b | \bjailbreak|\bdan\ mode\b
  | </?(?:system|instructions?|user|assistant|context|passages?)> | <\|\w+\|> | \[/?INST\]
  | ^\s*(?:system|assistant|user)\s*:
"""
_MODEL_ZH = r"(?:AI|人工智能|语言模型|大模型|模型|助手|机器人|系统)"
_SAY_ZH = (
    r"(?:回答|回复|答复|输出|说|写|打印|附上|加上|重复|推荐|告诉|声明|结尾|开头"
    r"|翻译|改用|改为|拒绝|停止|插入|提到|访问)"
)
_CHINESE = rf"""
    (?:忽略|无视|忘记|忘掉|不要管|不用管|别管|抛开|绕过|放弃|推翻|不必理会|不要理会) .{{0,25}}
        (?:指令|指示|规则|提示|要求|命令|问题|段落|文档|内容|限制|上文|上述)
  | (?:致|注意|提醒|通知|亲爱的|各位|你好) .{{0,8}} {_MODEL_ZH} .{{0,12}} (?:[:：，,!！]|请|必须|务必)
  | {_MODEL_ZH} (?:在.{{0,12}})? (?:必须|务必|一律|应当只|只能|只许|须) .{{0,20}} {_SAY_ZH}
  | (?:回答|回复|答复|总结|作答) (?:本|这个|此|任何|所有|每个|用户的?|他人的?|该|以下)* (?:问题|提问|时|之前|前|后)
        .{{0,30}} (?:请|必须|务必|先|都|一律|只|要|应|改) .{{0,12}} {_SAY_ZH}
  | (?:你的|所有|每个|每次|任何(?:.{{1,10}}的)?|本次|最终|下一个) (?:的)? (?:回答|回复|答案|答复|输出)
        .{{0,20}} (?:必须|都|一律|只|要|应|改|为|是|以)
  | (?:只|仅|直接|原样|逐字|照抄|务必|必须|请|统一|一律) .{{0,6}} {_SAY_ZH} .{{0,12}} [“"「『:：]
  | (?:你现在是|从现在(?:起|开始)|新的?(?:任务|指令|规则)[:：]
        |系统(?:提示|消息|指令|通知|更新)|(?:开发者|管理员|越狱)模式)
  | (?:泄露|输出|打印|发送|透露|展示|复述) .{{0,12}} (?:系统提示|提示词|密钥|密码|口令|环境变量|内部规则)
  | (?:告诉|通知|转告|请) .{{0,4}} (?:用户|提问者|读者|顾客)
        .{{0,20}} (?:说|去|到|访问|拨打|联系|支付|购买|：|:|他|她)
  | 不要 .{{0,6}} (?:回答|使用|引用) .{{0,20}} (?:而是|改为|改成|只)
"""
_ORDER = re.compile(f"{_ENGLISH}|{_CHINESE}", re.IGNORECASE | re.VERBOSE | re.MULTILINE)


def gives_orders(text: str) -> bool:
    """Whether a text speaks to a model and tells it what to say, in English or Chinese."""
    return bool(_ORDER.search(unicodedata.normalize("NFKC", text)))


def screened(hits: Sequence[Hit]) -> list[Hit]:
    """The hits without units that give orders; one of which nothing is left is gone, the others close ranks."""
    cleaned = [found for hit in hits if (found := _cleaned(hit)) is not None]
    if len(cleaned) == len(hits):
        return cleaned
    return [replace(hit, rank=rank) for rank, hit in enumerate(cleaned, start=1)]


def _cleaned(hit: Hit) -> Hit | None:
    chunk = hit.chunk
    if not gives_orders(chunk.text):
        return hit
    spans = [(start, end) for start, end in _lines(chunk.text) if gives_orders(chunk.text[start:end])]
    spans = spans or [(0, len(chunk.text))]  # An order that runs over several lines.
    units = _outside(chunk.units, spans, chunk)
    if not units:
        return None
    return replace(hit, chunk=replace(chunk, units=units), units=_outside(hit.units, spans, chunk) or units[:1])


def _lines(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[^\n]+", text)]


def _outside(units: Iterable[Unit], spans: Sequence[tuple[int, int]], chunk: Chunk) -> tuple[Unit, ...]:
    return tuple(
        unit
        for unit in units
        if not any(unit.start - chunk.start < end and start < unit.end - chunk.start for start, end in spans)
    )

/** Why an answer failed, by the server's code. It speaks English; what is not here stays so. */
export const failuresZh: Readonly<Record<string, string>> = {
  interrupted: "服务器中途停止了。",
  internal: "回答没能完成。",
  shutting_down: "服务器正在重启，请稍后重试。",
  rate_limited: "请求太频繁，请稍后重试。",
  limit_exceeded: "回答超出了服务器的限制。",
  upstream_unreachable: "无法连接模型。",
  upstream_timeout: "模型太久没有回应。",
  upstream_broken: "模型的回答中途断开了。",
  upstream_rate_limited: "模型的请求太多，请稍后重试。",
  upstream_overloaded: "模型正忙，请稍后重试。",
};
